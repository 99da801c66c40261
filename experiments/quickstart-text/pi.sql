-- Test perplexity of label-trained (LT) and distilled (KD) students and the performance increment
-- PI = LT - KD, seed by seed: mean and standard deviation (n - 1) over the seeds.
WITH pair AS (
    SELECT *, avg(lt) OVER cell AS lt_mean, avg(value) OVER cell AS kd_mean,
        avg(pi) OVER cell AS pi_mean, count(*) OVER cell - 1 AS freedom
    FROM v_pair
    WHERE metric = 'test/perplexity' AND objective = 'kd'
    WINDOW cell AS (PARTITION BY group_hash, kappa)
)
SELECT kappa, count(*) AS seeds,
    printf('%.2f', lt_mean) AS LT, printf('%.2f', sqrt(sum(pow(lt - lt_mean, 2)) / freedom)) AS sd,
    printf('%.2f', kd_mean) AS KD,
    printf('%.2f', sqrt(sum(pow(value - kd_mean, 2)) / freedom)) AS sd,
    printf('%+.2f', pi_mean) AS PI, printf('%.2f', sqrt(sum(pow(pi - pi_mean, 2)) / freedom)) AS sd
FROM pair
GROUP BY group_hash, kappa
ORDER BY kappa;
