//! What a run was, at a glance: one page that opens from disk, with its numbers and its pictures beside it.
//!
//! Three things are kept apart. The numbers ([`RunReport`], [`RunsReport`]) are gathered from run directories and are all
//! there is to know; `report.json` is nothing but them. The figures are drawn from the numbers, each in a file of its own.
//! The page puts both into words. The same run gives the same bytes: nothing in a report depends on when it was made.

mod connections;
mod figures;
mod gather;
mod history;
mod model;
mod page;
mod runs;
mod sizes;
mod stored_evaluation;
mod words;
mod write;

pub use connections::{Connections, LayerMask, Source, Target};
pub use history::EpochPoint;
pub use model::{Progress, RunReport, StageBoundary};
pub use runs::{ComparedRun, RunsReport};
pub use sizes::{FormSize, Sizes};
pub use stored_evaluation::StoredEvaluation;
pub use write::WrittenReport;
