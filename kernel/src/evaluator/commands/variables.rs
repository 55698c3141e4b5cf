//! `:vars`: what there is to say of each variable.

use serde_json::{Value, json};

use super::table::table;
use crate::output::MEASURES;

/// Code that prints a line for each variable, a name and a type: shape, kind, device (all empty but for tensors) and
/// bytes.
pub(super) fn measure(variables: &[(String, String)]) -> String {
    let mut code = String::from("{ let mut rows = String::new();\n");
    for (name, kind) in variables {
        let outer = kind.split('<').next().unwrap_or_default();
        let row = match outer.rsplit("::").next().unwrap_or_default().trim() {
            "Tensor" => format!(
                "if {name}.defined() {{ format!(\"{{:?}}\\t{{:?}}\\t{{:?}}\\t{{}}\\n\", {name}.size(), \
                 {name}.kind(), {name}.device(), {name}.numel() * {name}.kind().elt_size_in_bytes()) }} \
                 else {{ \"undefined\\t\\t\\t0\\n\".to_owned() }}"
            ),
            // What they own counts, too, one level deep.
            "Vec" => format!(
                "format!(\"\\t\\t\\t{{}}\\n\", std::mem::size_of_val(&{name}) + std::mem::size_of_val({name}.as_slice()))"
            ),
            "String" => format!(
                "format!(\"\\t\\t\\t{{}}\\n\", std::mem::size_of_val(&{name}) + {name}.len())"
            ),
            _ => format!("format!(\"\\t\\t\\t{{}}\\n\", std::mem::size_of_val(&{name}))"),
        };
        code.push_str(&format!("rows.push_str(&{row});\n"));
    }
    code.push_str(&format!(
        "println!(\"EVCXR_BEGIN_CONTENT {MEASURES}\\n{{rows}}\\nEVCXR_END_CONTENT\"); }};"
    ));
    code
}

/// The table of all variables; `measures` is what the code of [`measure`] printed.
pub(super) fn all(variables: &[(String, String)], measures: &str) -> Value {
    let head = ["variable", "type", "shape", "kind", "device", "bytes"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    for (i, (name, kind)) in variables.iter().enumerate() {
        let mut row = vec![name.clone(), kind.clone()];
        row.extend(measures.lines().nth(i).unwrap_or("\t\t\t").split('\t').map(str::to_owned));
        rows.push(row);
    }
    if variables.is_empty() {
        return json!({"text/plain": "no variables"});
    }
    table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_a_table() {
        let variables = [("n", "Vec<u8>"), ("x", "twoviews::tch::Tensor")]
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        let code = measure(&variables);
        assert!(code.contains("n.as_slice()") && code.contains("x.device()"), "{code}");
        let table = all(&variables, "\t\t\t27\n[2, 3]\tFloat\tCpu\t24\n");
        let text = table["text/plain"].as_str().unwrap();
        let words: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[1], ["n", "Vec<u8>", "27"]);
        assert_eq!(words[2], ["x", "twoviews::tch::Tensor", "[2,", "3]", "Float", "Cpu", "24"]);
        assert!(table["text/html"].as_str().unwrap().contains("Vec&lt;u8&gt;"));
    }
}
