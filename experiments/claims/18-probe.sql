-- title: A linear probe on all data keeps the gain of distilled features, most at small kappa
-- kind: claim
-- from: ../fig14/small.ini
-- with: ../base/headline.sql ../base/pairs.sql ../base/ends.sql
-- statistics: probe accuracy of KD - of LT > 0 at each kappa < 1; larger at the smallest kappa
--   than at the largest; one-sided paired t at 95 %
-- needs: test/probe_accuracy
WITH difference AS (
    SELECT study, dataset, model, teacher, kappa, seed, pi AS d FROM pair
    WHERE objective = 'kd' AND tau = 20 AND metric = 'test/probe_accuracy' AND kappa < 1
)
SELECT * FROM verdict;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND kappa < 1 AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
