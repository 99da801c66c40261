-- title: What bf16 adds to the loss
-- kind: figure
-- plot: ../base/lines.gp
-- with: losses.sql
-- x: step
-- y: training loss of bf16 less that of fp32, seed by seed
-- split: training, mean of the steps since the point before
SELECT 'bf16 - fp32' AS series, step AS x, avg(d) AS y, sd(d) AS sd, count(*) AS n
FROM gap
GROUP BY step
ORDER BY step;

-- expect:
SELECT * FROM planned;
