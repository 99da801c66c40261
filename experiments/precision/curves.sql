-- title: The loss of a language model by the precision of its products
-- kind: figure
-- plot: ../base/lines.gp
-- with: losses.sql
-- x: step
-- y: training loss (nats per token)
-- split: training, mean of the steps since the point before
SELECT precision AS series, step AS x, avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM loss
GROUP BY precision, step
ORDER BY precision DESC, step;

-- expect:
SELECT * FROM planned;
