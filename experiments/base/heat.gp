# heat.gp - a matrix of numbers between 0 and 1 as colours, each number written into its field.
# Columns: row, col (from 1), row_name, col_name, value; panel if there are several.
if (panels > 1) { set multiplot layout layout_lines,layout_columns title heading noenhanced }
unset key
unset grid
unset colorbox
set palette defined (0 '#f7fbff', 0.5 '#6baed6', 1 '#08306b')
set cbrange [0:1]
set xtics rotate by 45 right
set xlabel ''
set ylabel ''
set yrange [*:*] reverse
ink(v) = v > 0.5 ? 0xffffff : 0x000000
do for [p = 1:panels] {
    if (panels > 1) { set title panel[p] noenhanced }
    plot data index (first[p] - 1) \
        using "col":"row":"value":xtic(stringcolumn("col_name")):ytic(stringcolumn("row_name")) \
        with image pixels, \
        data index (first[p] - 1) \
        using "col":"row":(sprintf("%.2f", column("value"))):(ink(column("value"))) \
        with labels textcolor rgb variable
}
if (panels > 1) { unset multiplot }
