-- title: Fig. 15: feature alignment over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- with: ../base/curves.sql
-- x: kappa = M / N
-- y: feature alignment with the teacher
-- split: test, after the last epoch; nothing was selected
-- needs: test/feature_alignment
-- note: Mean cosine of the two feature vectors of an example. Unrelated: what independent
--   rectified features, those of image models, would have: 1 / pi. Those of GPT have both signs:
--   0.
WITH drawn (panel, series, tau, x, y, sd, n) AS (
    SELECT study, what, tau, kappa, avg(value), sd(value), count(*)
    FROM curve
    WHERE metric = 'test/feature_alignment' AND objective IN ('lt', 'kd')
    GROUP BY study, what, kappa
    UNION ALL
    SELECT DISTINCT study, 'unrelated', NULL, kappa, 1 / pi(), NULL, NULL FROM curve
    WHERE metric = 'test/feature_alignment' AND objective IN ('lt', 'kd') AND model <> 'gpt'
)
SELECT * FROM drawn
ORDER BY panel, series = 'unrelated', series <> 'lt', tau, x;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
