-- title: performance increment of each objective at each kappa: mean and sd over seeds
SELECT name AS study, dataset, model, teacher, objective, tau, kappa, n, round(lt_mean, 2) AS lt,
    round(value_mean, 2) AS accuracy, round(pi_mean, 2) AS pi, round(pi_sd, 2) AS pi_sd,
    round(pg_mean, 3) AS pg
FROM v_pi
WHERE metric = 'test/accuracy'
ORDER BY study, dataset, model, teacher, objective, tau, kappa;
