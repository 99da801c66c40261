-- title: Fig. 17: eigenvalues of the features' covariance
-- kind: figure
-- set: logscale y
-- set: format y '%.0e'
-- x: index
-- y: eigenvalue
-- split: test, after the last epoch; nothing was selected
-- needs: test/eigenvalue_drop
-- note: Of the centred features of the test images, largest first, as the mean over seeds; dashed:
--   K, the number of classes. Those below a billionth of the largest are rounding errors and left
--   out.
WITH value AS (
    SELECT r.dataset, r.kappa, r.seed,
        r.objective, r.tau,
        iif((SELECT text FROM param WHERE run = r.id AND key = 'run.role') = 'teacher', 'teacher',
            r.objective || iif(r.tau IS NULL, '', printf(' tau %g', r.tau))
            || printf(', kappa %g', r.kappa)) AS what,
        p.step + 1 AS number, p.value,
        max(p.value) OVER (PARTITION BY p.run) AS largest
    FROM point p
        JOIN metric_key k ON k.id = p.key
            AND k.name IN ('test/eigenvalues', 'test/eigenvalues_teacher')
        JOIN subject s ON s.analysis = p.run
        JOIN run r ON r.id = s.run AND r.objective IN ('lt', 'kd')
),
mean AS (
    SELECT dataset, what, objective, tau, kappa, number, avg(value) AS value, count(*) AS n
    FROM value
    WHERE value > 1e-9 * largest
    GROUP BY dataset, what, number
),
class (dataset, k) AS (
    VALUES ('cifar10', 10), ('cifar5m', 10), ('cifar100', 100), ('tiny32', 100)
),
drawn (panel, series, objective, tau, kappa, x, y, n) AS (
    SELECT dataset, what, objective, tau, kappa, number, value, n FROM mean
    UNION ALL
    SELECT dataset, printf('K = %d', k), NULL, NULL, NULL, k, e.value, NULL
    FROM class
        JOIN (SELECT dataset, max(value) AS value FROM mean GROUP BY dataset
            UNION ALL SELECT dataset, min(value) FROM mean GROUP BY dataset) e USING (dataset)
)
SELECT * FROM drawn
ORDER BY panel, series LIKE 'K =%', series <> 'teacher', objective DESC, tau, kappa, x, y;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
