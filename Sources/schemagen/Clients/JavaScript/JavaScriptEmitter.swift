struct JavaScriptEmitter: ClientEmitter {
    let contract: ContractModel

    func files(_ current: (String) throws(SchemaErrors) -> String) throws(SchemaErrors) -> [Workspace.File] { [] }
}
