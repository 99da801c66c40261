-- title: Fig. 3: perplexity over computing
-- kind: figure
-- plot: ../base/lines.gp
-- with: ../base/headline.sql ../base/cost.sql
-- x: operations of the training (TFLOP), the teacher's answers included
-- y: test perplexity
-- gaps: none
-- set: logscale xy
-- set: autoscale yfix
-- set: offsets graph 0.06, graph 0.06, graph 0.05, graph 0.05
-- set: ytics (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
-- split: test; nothing was selected
WITH drawn AS ( -- an lt student once, whoever teaches the others
    SELECT DISTINCT dataset, iif(objective = 'lt', 'lt', study) AS series, kappa, seed, value, flops
    FROM cost
)
SELECT dataset AS panel, series, flops / 1e12 AS x, avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM drawn
GROUP BY dataset, series, kappa
ORDER BY dataset, series <> 'lt', series, x;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 1);
