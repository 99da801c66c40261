-- title: Distilled features of images are closer to the teacher's, most at small kappa; of text
--   often not
-- kind: claim
-- from: ../fig4/small.ini ../fig4/small-text.ini
-- with: ../base/headline.sql ../base/pairs.sql ../base/ends.sql
-- statistics: CKA(KD, teacher) - CKA(LT, teacher) > 0 at each kappa; larger at the smallest kappa
--   than at the largest; one-sided paired t at 95 %. Of text: its mean is below 0 at half of the
--   kappas or more
-- needs: test/cka
WITH difference AS (
    SELECT p.study, p.dataset, p.model, p.teacher, p.kappa, p.seed, p.value - p.lt AS d
    FROM pair p
        JOIN headline h ON h.dataset = p.dataset AND h.metric = 'test/accuracy'
    WHERE p.objective = 'kd' AND p.tau = 20 AND p.metric = 'test/cka'
),
text AS (
    SELECT p.study, p.model, p.teacher, p.kappa, count(*) AS n, group_concat(p.seed, ' ') AS seeds,
        avg(p.value - p.lt) < 0 AS below
    FROM pair p
        JOIN headline h ON h.dataset = p.dataset AND h.metric = 'test/perplexity'
            AND h.tau = p.tau
    WHERE p.objective = 'kd' AND p.metric = 'test/cka'
    GROUP BY p.study, p.model, p.teacher, p.kappa
)
SELECT * FROM verdict
UNION ALL
SELECT study || ' ' || model || ' from ' || teacher || ', kappas below 0', NULL, min(n),
    round(avg(below), 2), NULL, 'at least 0.5', NULL, seeds, avg(below) >= 0.5
FROM text
GROUP BY study, model, teacher;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher'
    AND (objective = 'lt' OR objective = 'kd' AND tau = iif(model = 'gpt', 1, 20));
