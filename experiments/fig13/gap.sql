-- title: Fig. 13: gap of train and test fidelity, and omega / sqrt(kappa)
-- kind: figure
-- plot: ../base/lines.gp
-- with: ../base/fidelity-gap.sql
-- x: kappa = M / N
-- y: train - test agreement (points)
-- split: train while training and test after the last epoch; nothing was selected
-- needs: test/agreement train_running/agreement
-- note: omega by least squares on the mean gaps.
SELECT printf('%s, omega = %.2f', study, omega) AS panel, 'measured' AS series, kappa AS x,
    gap AS y, sd, mean_gap.n AS n
FROM mean_gap
    JOIN fit USING (study, model, teacher)
UNION ALL
SELECT printf('%s, omega = %.2f', study, omega), 'omega / sqrt(kappa)', kappa,
    omega * pow(kappa, -0.5), NULL, NULL
FROM mean_gap
    JOIN fit USING (study, model, teacher)
ORDER BY panel, series, x;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective = 'kd';
