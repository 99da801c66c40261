# points.gp - points with error bars in both directions for each series, no line between them.
# Columns: x, y, x_sd, y_sd; panel and series if there are several.
set multiplot layout layout_lines,layout_columns \
    margins panel_left,panel_right,panel_bottom,panel_top spacing gap_x,gap_y
do for [p = 1:panels] {
    set title panel[p]
    if (p > 1) { unset key; unset label 1 }
    set xlabel (p + layout_columns > panels ? xname : '')
    set ylabel ((p - 1) % layout_columns == 0 ? yname : '')
    plot for [i = first[p]:last[p]] data index (i - 1) \
        using "x":"y":(bar(column("x_sd"))):(bar(column("y_sd"))) with xyerrorbars \
        lc rgb colour[look[i]] pt mark[look[i]] ps 0.9 lw 0.7 notitle, \
        for [k = 1:looks] NaN with points lc rgb colour[k] pt mark[k] ps 0.9 title name[k]
}
unset multiplot
