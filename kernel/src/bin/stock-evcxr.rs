//! The unchanged evcxr_jupyter kernel as a second binary.

fn main() -> anyhow::Result<()> {
    evcxr_jupyter::main()
}
