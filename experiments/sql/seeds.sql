-- title: test accuracy over seeds: n, mean, standard deviation, 95 % confidence interval
SELECT name AS study, dataset, model, teacher, objective, tau, kappa, n, round(mean, 2) AS mean,
    round(sd, 2) AS sd, round(t_quantile(0.975, n - 1) * sd / sqrt(n), 2) AS ci95
FROM v_group
WHERE metric = 'test/accuracy'
ORDER BY study, dataset, model, teacher, objective, tau, kappa;
