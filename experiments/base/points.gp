# points.gp - points with error bars in both directions for each series, no line between them.
# Columns: x, y, x_sd, y_sd; panel and series if there are several.
if (panels > 1) { set multiplot layout layout_lines,layout_columns title heading noenhanced }
do for [p = 1:panels] {
    if (panels > 1) { set title panel[p] noenhanced }
    plot for [i = first[p]:last[p]] data index (i - 1) \
        using "x":"y":(bar(column("x_sd"))):(bar(column("y_sd"))) with xyerrorbars \
        lt i - first[p] + 1 pt i - first[p] + 4 title series[i]
}
if (panels > 1) { unset multiplot }
