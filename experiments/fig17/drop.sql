-- title: Fig. 17: where the spectrum of the features drops
-- kind: table
-- split: test, after the last epoch; nothing was selected
-- needs: test/eigenvalue_drop
-- note: Eigenvalues of the centred covariance of test features; the K-th over the next. n counts
--   both numbers.
SELECT s.study, s.dataset, s.model, s.objective, s.tau, s.kappa, count(*) AS n,
    round(avg(iif(k.name = 'test/eigenvalue_drop', v.value, NULL)), 1) AS drop_after,
    round(avg(iif(k.name = 'test/eigenvalue_ratio', v.value, NULL)), 3) AS ratio_at_k
FROM student s
    JOIN result v ON v.run = s.id
    JOIN metric_key k ON k.id = v.key
        AND k.name IN ('test/eigenvalue_drop', 'test/eigenvalue_ratio')
WHERE s.status = 'done'
GROUP BY s.study, s.dataset, s.model, s.objective, s.tau, s.kappa
ORDER BY s.study, s.dataset, s.objective, s.tau, s.kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
