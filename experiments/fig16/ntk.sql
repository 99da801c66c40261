-- title: Fig. 16: CKA of tangent kernels and of features over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- with: ../base/curves.sql
-- x: kappa = M / N
-- y: CKA to the teacher
-- split: test, after the last epoch; nothing was selected
-- needs: test/cka test/ntk_cka
SELECT study AS panel, what || iif(metric = 'test/cka', ', features', ', NTK') AS series,
    kappa AS x, avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM curve
WHERE metric IN ('test/cka', 'test/ntk_cka') AND (objective = 'lt' OR objective = 'kd' AND tau = 20)
GROUP BY study, what, metric, kappa
ORDER BY study, metric, objective DESC, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
