-- title: Equal initial weights change feature alignment little; the CNN's is above the ResNet's
-- kind: claim
-- from: ../table4/small.ini
-- statistics: |FA with the teacher's initial weights - with own ones| < 0.1 in the mean over
--   kappa; FA of the CNN - of the ResNet > 0, one-sided paired t at 95 %
-- needs: test/feature_alignment
WITH fa AS (
    SELECT s.dataset, s.model, s.objective, s.kappa, s.seed, v.value,
        (SELECT text FROM param WHERE run = s.id AND key = 'seed.init') AS init
    FROM student s
        JOIN result v ON v.run = s.id
            AND v.key = (SELECT id FROM metric_key WHERE name = 'test/feature_alignment')
    WHERE s.status = 'done' AND s.objective IN ('lt', 'kd') AND coalesce(s.tau, 20) = 20
),
init AS (
    SELECT a.dataset, a.model, a.objective, a.seed, avg(a.value - b.value) AS d
    FROM fa a
        JOIN fa b USING (dataset, model, objective, kappa, seed)
    WHERE a.init = 'teacher' AND b.init <> 'teacher'
    GROUP BY a.dataset, a.model, a.objective, a.seed
    ORDER BY a.seed
),
net AS (
    SELECT a.dataset, a.objective, a.seed, avg(a.value - b.value) AS d
    FROM fa a
        JOIN fa b USING (dataset, objective, kappa, seed, init)
    WHERE a.model = 'cnn' AND b.model = 'resnet'
    GROUP BY a.dataset, a.objective, a.seed
    ORDER BY a.seed
)
SELECT dataset || ' ' || model || ' ' || objective || ' same - own initial weights' AS part,
    count(*) AS n, round(avg(d), 4) AS mean, round(sd(d), 4) AS sd, '-0.1 to 0.1' AS bound,
    group_concat(seed, ' ') AS seeds, abs(avg(d)) < 0.1 AS holds
FROM init
GROUP BY dataset, model, objective
UNION ALL
SELECT dataset || ' ' || objective || ' cnn - resnet', count(*), round(avg(d), 4),
    round(sd(d), 4), 'above 0', group_concat(seed, ' '),
    t_test(count(*), avg(d), sd(d), 0) < 0.05
FROM net
GROUP BY dataset, objective
UNION ALL -- half of the statement is missing
SELECT 'a CNN and a ResNet of one teacher''s data', NULL, NULL, NULL, 'above 0', '', NULL
WHERE EXISTS (SELECT 1 FROM init) AND NOT EXISTS (SELECT 1 FROM net);

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
