-- title: Fig. 2: test error over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- with: ../base/curves.sql ../base/headline.sql
-- x: kappa = M / N
-- y: test error (%)
-- split: test, after the last epoch; nothing was selected
-- note: The teacher is one run (seed 11), drawn as a level line.
WITH drawn (panel, series, tau, x, y, sd, n) AS (
    SELECT study, what, tau, kappa, 100 - avg(value), sd(value), count(*)
    FROM curve
    WHERE metric = 'test/accuracy' AND objective IN ('lt', 'kd')
        AND dataset IN (SELECT dataset FROM headline WHERE metric = 'test/accuracy')
    GROUP BY study, what, kappa
    UNION ALL
    SELECT DISTINCT s.study, 'teacher', NULL, s.kappa, 100 - v.value, NULL, NULL
    FROM v_study s
        JOIN result v ON v.run = s.teacher_run
            AND v.key = (SELECT id FROM metric_key WHERE name = 'test/accuracy')
    WHERE s.metric = 'test/accuracy' AND s.objective = 'kd'
        AND s.dataset IN (SELECT dataset FROM headline WHERE metric = 'test/accuracy')
)
SELECT * FROM drawn
ORDER BY panel, series = 'teacher', series <> 'lt', tau, x;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
