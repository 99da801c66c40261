-- title: correlation of the gain in fidelity with the gain in accuracy, over kappas and seeds
SELECT a.name AS study, a.dataset, a.model, a.teacher, a.objective, a.tau, count(*) AS pairs,
    round(avg(f.pi), 2) AS fidelity_gain, round(avg(a.pi), 2) AS accuracy_gain,
    round(corr(f.pi, a.pi), 3) AS r, round(slope(f.pi, a.pi), 3) AS slope
FROM v_pair a
    JOIN v_pair f ON f.uid = a.uid AND f.kappa = a.kappa AND f.metric = 'test/agreement'
WHERE a.metric = 'test/accuracy'
GROUP BY a.name, a.dataset, a.model, a.teacher, a.objective, a.tau
ORDER BY study, a.dataset, a.model, a.teacher, a.objective, a.tau;
