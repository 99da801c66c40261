# lines.gp - a curve with error bars for each series, in panels where the query has such a column.
# Columns: x, y, sd; panel and series if there are several.
if (panels > 1) { set multiplot layout layout_lines,layout_columns title heading noenhanced }
do for [p = 1:panels] {
    if (panels > 1) { set title panel[p] noenhanced }
    plot for [i = first[p]:last[p]] data index (i - 1) \
        using "x":"y":(bar(column("sd"))) with yerrorlines lt i - first[p] + 1 pt i - first[p] + 4 \
        lw 1.5 title series[i]
}
if (panels > 1) { unset multiplot }
