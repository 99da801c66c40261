-- title: kappa*, where an objective stops to gain: first downward crossing of PG = 1, in log kappa
SELECT name AS study, dataset, model, teacher, objective, tau, n, kappas,
    round(kappa_star, 3) AS kappa_star, why
FROM v_kappa_star
WHERE metric = 'test/accuracy'
ORDER BY study, dataset, model, teacher, objective, tau;
