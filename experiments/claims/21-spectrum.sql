-- title: The eigenvalues of the features drop behind the first K
-- kind: claim
-- from: ../fig17/small.ini
-- statistics: the number of eigenvalues after which they drop most is within 10 % of K - 1, in the
--   mean over seeds
-- needs: test/eigenvalue_drop
-- note: K is known for cifar10, cifar5m, cifar100 and tiny32.
WITH run_drop AS (
    SELECT r.dataset, r.model, r.objective, r.tau, r.kappa, r.seed, v.value,
        CASE WHEN r.dataset IN ('cifar10', 'cifar5m') THEN 10
            WHEN r.dataset IN ('cifar100', 'tiny32') THEN 100 END AS classes
    FROM run r
        JOIN result v ON v.run = r.id
            AND v.key = (SELECT id FROM metric_key WHERE name = 'test/eigenvalue_drop')
    WHERE r.kind = 'train' AND r.status = 'done' AND r.objective = 'kd'
    ORDER BY r.seed
)
SELECT dataset || ' ' || model || ' ' || objective || printf(' tau %g', tau) AS part, kappa,
    count(*) AS n, round(avg(value), 2) AS mean, round(sd(value), 2) AS sd, classes - 1 AS bound,
    group_concat(seed, ' ') AS seeds, abs(avg(value) - (classes - 1)) <= 0.1 * classes AS holds
FROM run_drop
GROUP BY dataset, model, objective, tau, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective = 'kd';
