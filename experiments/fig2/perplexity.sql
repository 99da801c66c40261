-- title: Fig. 2, language: test perplexity over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- with: ../base/curves.sql
-- set: logscale y
-- set: autoscale yfix
-- set: offsets graph 0.06, graph 0.06, graph 0.05, graph 0.05
-- set: ytics (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
-- x: kappa = M / N, in tokens
-- y: test perplexity
-- split: test; nothing was selected
-- note: The teacher is one run (seed 11), drawn as a level line. A student is one training, read
--   off at every kappa.
WITH drawn (panel, series, tau, x, y, sd, n) AS (
    SELECT study, what, tau, kappa, avg(value), sd(value), count(*)
    FROM curve
    WHERE metric = 'test/perplexity' AND objective IN ('lt', 'kd')
    GROUP BY study, what, kappa
    UNION ALL
    SELECT DISTINCT s.study, 'teacher', NULL, s.kappa, v.value, NULL, NULL
    FROM v_study s
        JOIN result v ON v.run = s.teacher_run AND v.kappa = 1
            AND v.key = (SELECT id FROM metric_key WHERE name = 'test/perplexity')
    WHERE s.metric = 'test/perplexity' AND s.objective = 'kd'
)
SELECT * FROM drawn
ORDER BY panel, series = 'teacher', series <> 'lt', tau, x;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
