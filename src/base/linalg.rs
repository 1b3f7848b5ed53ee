//! Small dense linear algebra shared by the models.
