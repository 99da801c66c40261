-- title: Where the spectrum of the features drops
-- kind: table
-- split: test, after the last epoch; nothing was selected
-- needs: test/eigenvalue_drop
-- note: Eigenvalues of the centred covariance of test features. drop_after: the number behind which
--   they drop most; ratio_at_k: the K-th over the next, K classes.
SELECT coalesce(r.name, '') AS study, r.dataset, r.model, r.objective, r.tau, r.kappa,
    count(DISTINCT r.seed) AS n,
    round(avg(iif(k.name LIKE 'test/eigenvalue_drop%', v.value, NULL)), 1) AS drop_after,
    round(avg(iif(k.name LIKE 'test/eigenvalue_ratio%', v.value, NULL)), 3) AS ratio_at_k
FROM run r
    JOIN result v ON v.run = r.id
    JOIN metric_key k ON k.id = v.key
        AND k.name IN ('test/eigenvalue_drop', 'test/eigenvalue_ratio',
            'test/eigenvalue_drop_teacher', 'test/eigenvalue_ratio_teacher')
WHERE r.kind = 'train' AND r.status = 'done'
GROUP BY r.name, r.dataset, r.model, r.objective, r.tau, r.kappa
ORDER BY r.name, r.dataset, r.objective, r.tau, r.kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
