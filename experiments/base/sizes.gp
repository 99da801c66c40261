# sizes.gp - points whose size grows with tau, for each series, with error bars in both directions.
# Columns: x, y, x_sd, y_sd, tau; panel and series if there are several.
size(tau) = 0.5 + 0.4 * log10(10 * tau)
set multiplot layout layout_lines,layout_columns \
    margins panel_left,panel_right,panel_bottom,panel_top spacing gap_x,gap_y
do for [p = 1:panels] {
    set title panel[p]
    if (p > 1) { unset key; unset label 1 }
    set xlabel (p + layout_columns > panels ? xname : '')
    set ylabel ((p - 1) % layout_columns == 0 ? yname : '')
    plot for [i = first[p]:last[p]] data index (i - 1) \
        using "x":"y":(bar(column("x_sd"))):(bar(column("y_sd"))) with xyerrorbars \
        lc rgb colour[look[i]] pt 0 lw 0.5 notitle, \
        for [i = first[p]:last[p]] data index (i - 1) \
        using "x":"y":(size(column("tau"))) with points \
        lc rgb colour[look[i]] pt 7 ps variable notitle, \
        for [k = 1:looks] NaN with points lc rgb colour[k] pt 7 title name[k], \
        for [t in "0.1 1 20 100"] NaN with points lc rgb '#777777' pt 6 ps size(t + 0) title 'τ '.t
}
unset multiplot
