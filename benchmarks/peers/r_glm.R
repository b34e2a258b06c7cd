# Usage: Rscript r_glm.R FILE N P FAMILY; FILE holds y, then the N x P design by columns, as raw doubles.
args <- commandArgs(TRUE)
n <- as.integer(args[2])
p <- as.integer(args[3])
family <- eval(parse(text = args[4]))

file <- file(args[1], "rb")
y <- readBin(file, "double", n)
x <- readBin(file, "double", as.double(n) * p)
close(file)
dim(x) <- c(n, p)
invisible(gc())

status <- function(key) {
  lines <- tryCatch(readLines("/proc/self/status"), error = function(e) character())
  line <- grep(paste0("^", key, ":"), lines, value = TRUE)
  if (length(line)) 1024 * as.numeric(gsub("[^0-9]", "", line)) else NA
}
# writing 5 there sets the peak back to what is in use now
tryCatch(cat("5", file = "/proc/self/clear_refs"), error = function(e) NULL)
before <- status("VmRSS")
start <- Sys.time()
fit <- glm.fit(x, y, family = family, control = glm.control(epsilon = 1e-10, maxit = 50))
class(fit) <- c("glm", "lm")
# summary() would estimate a dispersion for MASS's family
known <- grepl("Negative Binomial", fit$family$family)
table <- summary(fit, dispersion = if (known) 1)$coefficients
seconds <- as.numeric(difftime(Sys.time(), start, units = "secs"))
memory <- status("VmHWM") - before

numbers <- function(v) paste0("[", paste(format(v, digits = 17, trim = TRUE), collapse = ","), "]")
cat(sprintf('{"coef": %s, "se": %s, "iterations": %d, "seconds": %.6f, "memory": %s}\n', numbers(table[, 1]),
            numbers(table[, 2]), fit$iter, seconds, if (is.na(memory)) "null" else format(memory, digits = 15)))
