//! The `JUnit` report for CI systems. It has a test case for each scenario or target.

use crate::reports::results::{Ending, Part, Results};
use engine::base::error::Error;

/// The report.
pub(super) fn xml(results: &Results) -> Result<String, Error> {
    let mut suite = quick_junit::TestSuite::new(format!("vopr {}", results.command));
    for part in &results.parts {
        let mut case = quick_junit::TestCase::new(part.name.as_str(), status(part));
        case.set_classname(part.class.as_str());
        case.set_time(part.elapsed);
        suite.add_test_case(case);
    }
    let mut report = quick_junit::Report::new("vopr");
    report.add_test_suite(suite);
    report.to_string().map_err(|error| Error::Internal(format!("no JUnit report: {error}")))
}

fn status(part: &Part) -> quick_junit::TestCaseStatus {
    let why = anstream::adapter::strip_str(&part.why).to_string();
    let kind = match part.ending {
        Ending::Passed => return quick_junit::TestCaseStatus::success(),
        Ending::Skipped => {
            let mut status = quick_junit::TestCaseStatus::skipped();
            status.set_message(if why.is_empty() { part.outcome() } else { why.as_str() });
            return status;
        }
        Ending::Failed => quick_junit::NonSuccessKind::Failure,
        Ending::Died => quick_junit::NonSuccessKind::Error,
    };
    let mut status = quick_junit::TestCaseStatus::non_success(kind);
    status.set_type(part.outcome()).set_message(why.lines().next().unwrap_or_default());
    status.set_description(why.as_str());
    status
}
