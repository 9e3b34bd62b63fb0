# Writes data/real_cohorts.json: what R 4.2.2 with survival 3.5-3 makes of the real-cohort studies.
#   Rscript real_cohorts.R FOLDER > data/real_cohorts.json
# FOLDER holds ashkenazi.csv, pbc.csv, rotterdam.csv, infert.csv and nwtco.csv, each written by
# reports.datasets.dataset_frame(...).write_csv(...). Only the exposure's coefficients are kept.
suppressMessages(library(survival))
folder <- commandArgs(trailingOnly = TRUE)[1]
of <- function(name) read.csv(file.path(folder, paste0(name, ".csv")))
tight <- coxph.control(eps = 1e-13, iter.max = 100, toler.chol = 1e-14)
lines <- character()
keep <- function(study, adjustment, beta, variance, n, events) {
  number <- function(x) paste0("[", paste(sprintf("%.17g", x), collapse = ", "), "]")
  lines <<- c(lines, sprintf(
    '  {"study": "%s", "adjustment": "%s", "beta": %s, "se": %s, "persons": %d, "events": %d}',
    study, adjustment, number(beta), number(sqrt(diag(as.matrix(variance)))), n, events))
}
cox <- function(study, adjustment, formula, data, rows = 1) {
  fit <- coxph(formula, data, ties = "efron", control = tight)
  keep(study, adjustment, coef(fit)[rows], vcov(fit)[rows, rows], fit$n, fit$nevent)
}

a <- of("ashkenazi")
cox("ashkenazi", "age", Surv(age, brcancer) ~ mutant + cluster(famID), a)

p <- of("pbc"); p <- p[p$sex == "f", ]
p$years <- p$time / 365.25; p$age10 <- p$age / 10; p$dead <- p$status == 2; p$moved <- p$status == 1
p$doublings <- log2(p$bili)
p$group <- factor(ifelse(p$bili < 2, 1, ifelse(p$bili < 6, 2, 3)))
cox("pbc_women groups", "crude", Surv(years, dead) ~ group, p, 1:2)
cox("pbc_women groups", "age", Surv(years, dead) ~ group + age10, p, 1:2)
cox("pbc_women groups", "fully adjusted",
    Surv(years, dead) ~ group + age10 + log(albumin) + log(protime) + edema, p, 1:2)
cox("pbc_women", "crude", Surv(years, dead) ~ doublings, p)
cox("pbc_women", "age", Surv(years, dead) ~ doublings + age10, p)
cox("pbc_women", "fully adjusted",
    Surv(years, dead) ~ doublings + age10 + log(albumin) + log(protime) + edema, p)
cox("pbc_women transplantation", "crude", Surv(years, moved) ~ doublings, p)
cox("pbc_women transplantation", "age", Surv(years, moved) ~ doublings + age10, p)

r <- of("rotterdam"); r <- r[r$nodes > 0 & r$year >= 1981, ]
r$years <- r$dtime / 365.25
r$size <- factor(r$size, levels = c("<=20", "20-50", ">50"))
# Restricted cubic spline, Harrell 2001, Regression Modeling Strategies, equation 2.25; any basis of
# the same space gives the same coefficient of the treatment.
spline <- function(x, k) {
  up <- function(z) pmax(z, 0)^3; m <- length(k)
  sapply(seq_len(m - 2), function(j) (up(x - k[j])
    - up(x - k[m - 1]) * (k[m] - k[j]) / (k[m] - k[m - 1])
    + up(x - k[m]) * (k[m - 1] - k[j]) / (k[m] - k[m - 1])) / (k[m] - k[1])^2)
}
cox("rotterdam", "crude", Surv(years, death) ~ hormon, r)
cox("rotterdam", "age", Surv(years, death) ~ hormon + age, r)
r$bend <- spline(r$age, c(35, 45, 55, 65, 75)); r$from <- r$year - 1988; r$years_old <- r$age - 55
cox("rotterdam", "fully adjusted", Surv(years, death) ~ hormon + years_old + bend + meno + size
    + factor(grade) + log(nodes) + log(er + 1) + log(pgr + 1) + chemo + from, r)

i <- of("infert"); i$s <- factor(i$spontaneous); i$a <- factor(i$induced)
sets <- function(study, adjustment, formula) {
  fit <- clogit(formula, i, method = "exact", control = tight)
  keep(study, adjustment, coef(fit)[1:2], vcov(fit)[1:2, 1:2], fit$n, fit$nevent)
}
sets("infert spontaneous", "matching", case ~ s + strata(stratum))
sets("infert spontaneous", "matching and induced abortions", case ~ s + a + strata(stratum))
sets("infert induced", "matching", case ~ a + strata(stratum))
sets("infert induced", "matching and spontaneous abortions", case ~ a + s + strata(stratum))

w <- of("nwtco")
w$years <- w$edrel / 365.25; w$old <- w$age / 12; w$uh <- as.integer(w$histol == 2)
w$st <- factor(w$stage); w$trial <- as.integer(w$study == 4); w$sub <- w$in.subcohort == "true"
cox("nwtco_everyone", "crude", Surv(years, rel) ~ uh, w)
cox("nwtco_everyone", "age", Surv(years, rel) ~ uh + old, w)
cox("nwtco_everyone", "fully adjusted", Surv(years, rel) ~ uh + old + st + trial, w)
d <- w[w$sub | w$rel == 1, ]
sampled <- function(study, adjustment, formula, ...) {
  fit <- cch(formula, data = d, subcoh = ~sub, id = ~seqno, ...)
  keep(study, adjustment, coef(fit)[1], fit$var[1, 1], nrow(d), sum(d$rel))
}
sizes <- table(w$instit)
for (one in list(list("crude", Surv(years, rel) ~ uh), list("age", Surv(years, rel) ~ uh + old),
                 list("fully adjusted", Surv(years, rel) ~ uh + old + st + trial))) {
  sampled("nwtco", one[[1]], one[[2]], cohort.size = 4028, method = "LinYing")
  sampled("nwtco_two_phase", one[[1]], one[[2]], cohort.size = sizes, method = "II.Borgan",
          stratum = ~instit)
}
cat("[\n", paste(lines, collapse = ",\n"), "\n]\n", sep = "")
