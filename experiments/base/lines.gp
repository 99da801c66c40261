# lines.gp - a curve with error bars for each series, in panels where the query has such a column.
# Columns: x, y, sd, n; panel and series if there are several. Rows without n are a reference line.
# Over kappa, points of different series stand a little apart so that their bars can be told apart.
apart = 1
if (strstrt(xname, 'κ') == 1) {
    apart = 1.1**(1.0 / (looks > 0 ? looks : 1))
    set logscale x
    set xtics (0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20)
}
place(x, k) = x * apart**(k - 0.5 * (looks + 1))
set multiplot layout layout_lines,layout_columns \
    margins panel_left,panel_right,panel_bottom,panel_top spacing gap_x,gap_y
do for [p = 1:panels] {
    set title panel[p]
    if (p > 1) { unset key; unset label 1 }
    set xlabel (p + layout_columns > panels ? xname : '')
    set ylabel ((p - 1) % layout_columns == 0 ? yname : '')
    plot for [i = first[p]:last[p]] data index (i - 1) \
        using "x":(mark[look[i]] < 0 ? column("y") : NaN) with lines \
        lc rgb colour[look[i]] dt dash[look[i]] notitle, \
        for [i = first[p]:last[p]] data index (i - 1) \
        using (place(column("x"), look[i])):(mark[look[i]] < 0 ? NaN : column("y")): \
        (bar(column("sd"))) with yerrorlines \
        lc rgb colour[look[i]] dt dash[look[i]] pt mark[look[i]] ps 0.8 notitle, \
        for [k = 1:looks] NaN with linespoints \
        lc rgb colour[k] dt dash[k] pt mark[k] ps 0.8 title name[k]
}
unset multiplot
