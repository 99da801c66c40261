-- title: Fig. 4: CKA of student and teacher features over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- with: ../base/curves.sql
-- x: kappa = M / N
-- y: CKA to the teacher
-- split: test, after the last epoch; nothing was selected
-- needs: test/cka
-- note: Biased estimator on rows of unit length, the same examples at every point; unrelated
--   features have a CKA well above 0, so compare with lt.
SELECT study AS panel, what AS series, kappa AS x, avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM curve
WHERE metric = 'test/cka' AND objective IN ('lt', 'kd')
GROUP BY study, what, kappa
ORDER BY study, objective <> 'lt', objective, tau, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
