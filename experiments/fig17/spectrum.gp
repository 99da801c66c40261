# spectrum.gp - a line for each series, without marks; references dashed.
# Columns: x, y, n; panel and series if there are several.
set multiplot layout layout_lines,layout_columns \
    margins panel_left,panel_right,panel_bottom,panel_top spacing gap_x,gap_y
do for [p = 1:panels] {
    set title panel[p]
    if (p > 1) { unset key; unset label 1 }
    set xlabel (p + layout_columns > panels ? xname : '')
    set ylabel ((p - 1) % layout_columns == 0 ? yname : '')
    plot for [i = first[p]:last[p]] data index (i - 1) using "x":"y" with lines \
        lc rgb colour[look[i]] dt dash[look[i]] title series[i]
}
unset multiplot
