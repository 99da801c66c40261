-- title: Fig. 7: performance gain over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- with: ../base/headline.sql ../base/kappa-star.sql
-- set: arrow 1 from graph 0, first 1 to graph 1, first 1 nohead lc rgb '#999999'
-- x: kappa = M / N
-- y: performance gain PG = R(KD) / R(LT)
-- split: test, after the last epoch; nothing was selected
-- note: R is accuracy, of text 1 / perplexity. Dashed: kappa*, where the mean gain falls below 1.
WITH drawn (panel, series, x, y, sd, n) AS (
    SELECT s.dataset, s.study, s.kappa, avg(s.pg), sd(s.pg), count(*)
    FROM v_study s
        JOIN headline h ON h.dataset = s.dataset AND h.metric = s.metric AND h.tau = s.tau
    WHERE s.objective = 'kd'
    GROUP BY s.dataset, s.study, s.kappa
    UNION ALL -- upright lines, apart from each other by an empty row
    SELECT s.dataset, 'kappa*', s.kappa_star, y.column1, NULL, NULL
    FROM star s
        CROSS JOIN (VALUES (1.0), (0.97), (NULL)) y
    WHERE s.kappa_star IS NOT NULL
)
SELECT * FROM drawn
ORDER BY panel, series = 'kappa*', series, x, y IS NULL, y;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
