-- title: Fig. 3: perplexity over computing
-- kind: figure
-- plot: ../base/lines.gp
-- with: ../base/headline.sql ../base/cost.sql
-- x: operations of the training (TFLOP), the teacher's answers included
-- y: test perplexity
-- set: logscale y
-- split: test; nothing was selected
SELECT DISTINCT dataset AS panel, iif(objective = 'lt', 'lt', study) AS series, flops / 1e12 AS x,
    avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM cost
GROUP BY dataset, iif(objective = 'lt', 'lt', study), kappa
ORDER BY dataset, objective <> 'lt', study, x;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 1);
