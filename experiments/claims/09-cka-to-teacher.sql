-- title: Distilled features are closer to the teacher's, most at small kappa
-- kind: claim
-- from: ../fig4/small.ini
-- with: ../base/pairs.sql ../base/ends.sql
-- statistics: CKA(KD, teacher) - CKA(LT, teacher) > 0 at each kappa; larger at the smallest kappa
--   than at the largest; one-sided paired t at 95 %
-- needs: test/cka
WITH difference AS (
    SELECT study, dataset, model, teacher, kappa, seed, value - lt AS d FROM pair
    WHERE objective = 'kd' AND tau = 20 AND metric = 'test/cka'
)
SELECT * FROM verdict;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
