# sizes.gp - points of a given size for each series, with error bars in both directions.
# Columns: x, y, x_sd, y_sd, size; panel and series if there are several.
if (panels > 1) { set multiplot layout layout_lines,layout_columns title heading noenhanced }
do for [p = 1:panels] {
    if (panels > 1) { set title panel[p] noenhanced }
    plot for [i = first[p]:last[p]] data index (i - 1) \
        using "x":"y":(bar(column("x_sd"))):(bar(column("y_sd"))) with xyerrorbars \
        lt i - first[p] + 1 pt 0 lw 0.5 notitle, \
        for [i = first[p]:last[p]] data index (i - 1) \
        using "x":"y":"size" with points lt i - first[p] + 1 pt 7 ps variable title series[i]
}
if (panels > 1) { unset multiplot }
