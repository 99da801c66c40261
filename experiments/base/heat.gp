# heat.gp - a matrix of numbers between 0 and 1 as colours, each number written into its field.
# Columns: row, col (from 1), row_name, col_name, value; panel if there are several.
unset key
unset grid
unset label 1
set border 0
set tics scale 0
set palette defined (0 '#f7fbff', 0.5 '#6baed6', 1 '#08306b')
set cbrange [0:1]
unset colorbox
set size ratio 1
set xtics rotate by 45 right
set xlabel ''
set ylabel ''
set yrange [*:*] reverse
ink(v) = v > 0.5 ? 0xffffff : 0x000000
set multiplot layout layout_lines,layout_columns
do for [p = 1:panels] {
    set title panel[p]
    plot data index (first[p] - 1) \
        using "col":"row":"value":xtic(stringcolumn("col_name")):ytic(stringcolumn("row_name")) \
        with image pixels, \
        data index (first[p] - 1) \
        using "col":"row":(sprintf("%.2f", column("value"))):(ink(column("value"))) \
        with labels font ',8' textcolor rgb variable
}
unset multiplot
