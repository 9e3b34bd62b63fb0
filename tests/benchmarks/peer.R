# One workload by R's survival: Rscript peer.R FOLDER WORKLOAD REPEATS BARE
# Reads binary doubles from FOLDER, prints seconds of each call, values, and peak memory in bytes.
suppressMessages(library(survival))
told <- commandArgs(TRUE)
folder <- told[1]; workload <- told[2]; repeats <- as.integer(told[3]); bare <- told[4] == "bare"
size <- scan(file.path(folder, "size"), quiet = TRUE)
n <- size[1]
get <- function(name, k = 1) readBin(file.path(folder, name), "double", n * k)
x <- matrix(get("x", 10), n, 10, byrow = TRUE)
d <- data.frame(x)
names(d) <- paste0("x", 1:10)
for (name in c("entry", "exit", "event", "weight", "person", "cluster", "stratum", "subcohort"))
  d[[name]] <- get(name)
at <- scan(file.path(folder, "landmarks"), quiet = TRUE)
terms <- paste0("x", 1:10, collapse = " + ")
late <- as.formula(paste("Surv(entry, exit, event) ~", terms))
plain <- as.formula(paste("Surv(exit, event) ~", terms))
tight <- coxph.control(eps = 1e-12, iter.max = 30)
curve <- function(fit) summary(fit, times = at)$surv
incidence <- function(fit) summary(fit, times = at)$pstate[, 2]
bare_late <- function(rows) survival:::agreg.fit(
  x[rows, ], Surv(d$entry, d$exit, d$event)[rows, ], NULL, NULL, NULL, tight, NULL, "efron",
  as.character(seq_along(rows)))$coefficients
resamples <- matrix(get("resamples", 20), n, 20) + 1
all_resamples <- function(fit) { first <- fit(resamples[, 1])
  for (one in 2:20) fit(resamples[, one])
  first }
call <- switch(workload,
  "bootstrap" = if (bare) function() all_resamples(bare_late)
    else function() all_resamples(function(rows) coef(coxph(late, d[rows, ], control = tight))),
  "right-censored" = if (bare) function() survival:::coxph.fit(x, Surv(d$exit, d$event), NULL, NULL,
    NULL, tight, NULL, "efron", as.character(1:n))$coefficients
    else function() coef(coxph(plain, d, control = tight)),
  "late entry" = if (bare) function() bare_late(1:n) else function() coef(coxph(late, d, control = tight)),
  "weights and clusters" = function() coef(coxph(late, d, weights = weight, cluster = cluster, control = tight)),
  "counting process" = function() coef(coxph(late, d, cluster = person, control = tight)),
  "50 strata" = function() coef(coxph(update(late, . ~ . + strata(stratum)), d, control = tight)),
  "Prentice" = function() coef(cch(plain, d, subcoh = ~subcohort, id = ~person, cohort.size = size[2])),
  "Lin-Ying" = function() coef(cch(plain, d, subcoh = ~subcohort, id = ~person, cohort.size = size[2], method = "LinYing")),
  "Kaplan-Meier" = function() curve(survfit(Surv(exit, event) ~ 1, d)),
  "Kaplan-Meier, late entry" = function() curve(survfit(Surv(entry, exit, event) ~ 1, d)),
  "Aalen-Johansen" = function() incidence(survfit(Surv(exit, factor(event)) ~ 1, d)),
  "proportional hazards" = { fit <- coxph(plain, d, control = tight)
    function() cox.zph(fit)$table[1:10, 1] })
status <- function(what) { lines <- readLines("/proc/self/status")
  as.numeric(gsub("[^0-9]", "", lines[startsWith(lines, what)])) * 1024 }
invisible(gc())
try(cat("5", file = "/proc/self/clear_refs"), silent = TRUE)
before <- status("VmRSS")
seconds <- numeric(0)
for (one in seq_len(repeats)) {
  begin <- proc.time()[["elapsed"]]
  values <- call()
  seconds <- c(seconds, proc.time()[["elapsed"]] - begin)
}
cat("seconds", format(seconds, digits = 8), "\n")
cat("values", format(unname(values), digits = 15), "\n")
cat("peak", max(0, status("VmHWM") - before), "\n")
cat("version", paste(R.version$major, R.version$minor, sep = "."), as.character(packageVersion("survival")), "\n")
