//! The variables that cargo sets.

/// Whether cargo tells the programs that it runs something about their package by this variable.
pub(crate) fn is_set_by_cargo(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| variable.starts_with(prefix))
        || ["CARGO", "CARGO_CRATE_NAME", "CARGO_BIN_NAME", "CARGO_PRIMARY_PACKAGE"]
            .contains(&variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_words_about_a_package_are_known() {
        assert!(is_set_by_cargo("CARGO_PKG_NAME") && is_set_by_cargo("CARGO"));
        assert!(!is_set_by_cargo("CARGO_NET_OFFLINE") && !is_set_by_cargo("CARGO_HOME"));
    }
}
