# Write estimatr.json: what the R packages estimatr and clubSandwich say of the packaged examples.
#
# Run by hand from the root of the repository, with estimatr (1.0.0), clubSandwich (0.5.8) and jsonlite installed:
#   Rscript tests/reference/make_estimatr.R
suppressMessages({library(estimatr); library(clubSandwich); library(jsonlite)})

example <- function(name) {
  folder <- file.path("datasets", "data", name)
  people <- read.csv(file.path(folder, "people.csv"))
  outcomes <- read.csv(file.path(folder, "outcomes.csv"))
  people$y <- outcomes$value[match(people$person, outcomes$person)]
  people
}

row <- function(fit, term) {
  list(estimate = unname(fit$coefficients[term]), std_error = unname(fit$std.error[term]), df = unname(fit$df[term]))
}

nsw <- example("nsw")
rice <- example("rice")
services <- read.csv(file.path("datasets", "data", "rice", "services.csv"))
rice$default <- as.integer(rice$person %in% services$person[services$provider == "default"])
covariates <- ~ age + educ + black + hisp + marr + nodegree + re74 + re75

found <- list(versions = list(R = R.version.string, estimatr = as.character(packageVersion("estimatr")),
                              clubSandwich = as.character(packageVersion("clubSandwich"))))
for (type in c("HC0", "HC1", "HC2", "HC3", "classical")) {
  found[[paste("nsw difference", type)]] <- row(lm_robust(y ~ assigned, nsw, se_type = type), "assigned")
  found[[paste("nsw Lin", type)]] <- row(lm_lin(y ~ assigned, covariates, nsw, se_type = type), "assigned")
}
for (type in c("CR0", "CR2", "stata")) {
  name <- if (type == "stata") "CR1" else type
  plain <- lm_robust(y ~ default, rice, clusters = address, se_type = type)
  found[[paste("rice", name)]] <- row(plain, "default")
  lin <- lm_lin(y ~ default, ~ risk_averse + village, rice[rice$village %in% names(which(table(rice$village) > 40)), ],
                clusters = address, se_type = type)
  found[[paste("rice large villages, Lin", name)]] <- row(lin, "default")
}
# A few communities: the villages of one town, where corrections for few clusters matter most.
towns <- sort(unique(rice$village))[1:8]
few <- rice[rice$village %in% towns, ]
for (type in c("CR0", "CR2", "stata")) {
  name <- if (type == "stata") "CR1" else type
  found[[paste("rice eight villages", name)]] <- row(lm_robust(y ~ default, few, clusters = address, se_type = type), "default")
}
fit <- lm(y ~ default, few)
test <- coef_test(fit, vcov = "CR2", cluster = few$address, test = "Satterthwaite")
found[["rice eight villages, clubSandwich CR2"]] <- list(estimate = test$beta[2], std_error = test$SE[2], df = test$df_Satt[2])
write_json(found, file.path("tests", "reference", "estimatr.json"), auto_unbox = TRUE, digits = 15, pretty = TRUE)
