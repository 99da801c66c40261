-- title: Counted in operations, distillation of language models pays for the smallest of three
--   teachers alone
-- kind: claim
-- from: ../fig3/small.ini
-- with: ../base/headline.sql ../base/pairs.sql ../base/cost.sql
-- statistics: log perplexity of kd - that of lt at equal operations, the lt curve read linear in
--   log operations, mean over the kd points within it: above 0 for the two larger teachers, at most
--   0 for the smallest; one-sided paired t at 95 %
-- note: Operations: the student's training and the teacher's answers; not the teacher's training.
WITH lt AS (
    SELECT *, lead(flops) OVER rising AS next_flops, lead(value) OVER rising AS next_value
    FROM cost
    WHERE objective = 'lt'
    WINDOW rising AS (PARTITION BY study, model, teacher_run, seed ORDER BY flops)
),
difference AS (
    SELECT k.study, k.dataset, k.model, k.teacher_run, k.seed, max(k.rate) AS rate,
        max(lt.rate) AS student_rate,
        avg(ln(k.value) - ln(lt.value) - ln(lt.next_value / lt.value)
            * ln(k.flops / lt.flops) / ln(lt.next_flops / lt.flops)) AS d
    FROM cost k
        JOIN lt USING (study, model, teacher_run, seed)
    WHERE k.objective = 'kd' AND k.dataset IN (SELECT dataset FROM headline
            WHERE metric = 'test/perplexity')
        AND k.study IN (SELECT study FROM claimed)
        AND k.flops >= lt.flops AND k.flops < lt.next_flops
    GROUP BY k.study, k.dataset, k.model, k.teacher_run, k.seed
    ORDER BY k.seed
),
teacher AS ( -- by size, which its share of the operations tells, for each size of student
    SELECT study, dataset, model, count(*) AS n, avg(d) AS mean, sd(d) AS sd,
        group_concat(seed, ' ') AS seeds,
        rank() OVER (PARTITION BY dataset, model, student_rate ORDER BY max(rate)) AS size,
        count(*) OVER (PARTITION BY dataset, model, student_rate) AS teachers
    FROM difference
    GROUP BY study, dataset, model, student_rate, teacher_run
)
SELECT study || ' ' || model AS part, n, round(mean, 4) AS mean, round(sd, 4) AS sd,
    iif(size > 1, 'above 0', 'at most 0') AS bound, seeds,
    iif(size > 1, t_test(n, mean, sd, 0) < 0.05, t_test(n, mean, sd, 0) >= 0.05) AS holds
FROM teacher
WHERE teachers >= 3;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 1);
