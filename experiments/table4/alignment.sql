-- title: Table 4: feature alignment, averaged over kappa
-- kind: table
-- split: test, after the last epoch; nothing was selected
-- needs: test/feature_alignment
-- note: sd over seeds of the means over kappa.
WITH seed AS (
    SELECT s.dataset, s.model, s.objective, s.seed, avg(v.value) AS value,
        (SELECT text FROM param WHERE run = s.id AND key = 'seed.init') AS init
    FROM student s
        JOIN result v ON v.run = s.id
            AND v.key = (SELECT id FROM metric_key WHERE name = 'test/feature_alignment')
    WHERE s.status = 'done' AND s.objective IN ('lt', 'kd') AND coalesce(s.tau, 20) = 20
    GROUP BY s.dataset, s.model, s.objective, s.seed, init
)
SELECT dataset, model, objective, iif(init = 'teacher', 'the teacher''s', 'own') AS initial_weights,
    count(*) AS n, round(avg(value), 3) AS alignment, round(sd(value), 3) AS sd
FROM seed
GROUP BY dataset, model, objective, init
ORDER BY dataset, model DESC, objective, init;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
