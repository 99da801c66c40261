-- title: Fit of the gap of train and test fidelity
-- kind: table
-- with: ../base/fidelity-gap.sql
-- split: train while training and test after the last epoch; nothing was selected
-- needs: test/agreement train_running/agreement
-- note: r2 of gap = omega / sqrt(kappa); free_slope: of log gap on log kappa, expected -0.5.
SELECT f.study, f.model, f.teacher, f.kappas, f.n, round(f.omega, 3) AS omega,
    round(1 - sum(pow(m.gap - f.omega * pow(m.kappa, -0.5), 2)) / sum(pow(m.gap - f.centre, 2)), 3)
        AS r2, round(f.slope, 3) AS free_slope
FROM fit f
    JOIN mean_gap m USING (study, model, teacher)
GROUP BY f.study, f.model, f.teacher;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective = 'kd';
