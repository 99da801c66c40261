-- title: Test accuracy over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- with: ../base/curves.sql
-- x: kappa = M / N
-- y: test accuracy (%)
-- split: test, after the last epoch; nothing was selected
SELECT study AS panel, what AS series, kappa AS x, avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM curve
WHERE metric = 'test/accuracy'
GROUP BY study, what, kappa
ORDER BY study, objective <> 'lt', objective, tau, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
