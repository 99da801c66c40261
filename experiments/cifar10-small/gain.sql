-- title: Performance increment of distillation over label training
-- kind: table
-- split: test, after the last epoch; nothing was selected
-- note: PI = value - lt, seed by seed; pi_sd over n - 1.
SELECT dataset, model, teacher, objective, tau, kappa, n, round(lt_mean, 2) AS lt,
    round(value_mean, 2) AS value, round(pi_mean, 2) AS pi, round(pi_sd, 2) AS pi_sd,
    round(pg_mean, 3) AS pg
FROM v_pi
WHERE metric = 'test/accuracy'
ORDER BY objective, tau, kappa;
