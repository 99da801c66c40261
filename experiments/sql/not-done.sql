-- title: runs that are begun and not done: how far they came, and why they stopped
SELECT substr(uid, 1, 14) AS run, label, status, step, steps, attempt, host,
    coalesce(why, '') AS why
FROM v_progress
ORDER BY status, uid;
