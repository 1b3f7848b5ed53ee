//! The one error type of the kernels.

use std::fmt;

/// What can go wrong in a kernel. The text says what was wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A parameter has a value that the method cannot take.
    Parameter(String),
    /// Arrays do not fit each other.
    Shape(String),
    /// The data themselves cannot be used as they are.
    Data(String),
    /// The method did not reach its tolerance.
    NotConverged(String),
    /// Fitted state is absent, damaged or of another version.
    State(String),
    /// The caller asked the work to stop.
    Stopped,
}

/// The result of a kernel.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Parameter(m)
            | Error::Shape(m)
            | Error::Data(m)
            | Error::NotConverged(m)
            | Error::State(m) => f.write_str(m),
            Error::Stopped => f.write_str("stopped by the caller"),
        }
    }
}

impl std::error::Error for Error {}
