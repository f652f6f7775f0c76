$Neo4jHome = Get-Setting 'NEO4J_HOME' $HomePlanned            # if empty the server's programs are looked for in PATH
$Neo4jConf = Get-Setting 'NEO4J_CONF' $ConfPlanned            # the folder of its neo4j.conf; if empty its programs know
$Neo4jAddress = Get-Setting 'NEO4J_ADDRESS' $AddressPlanned   # where cypher-shell finds the server
$Where = $Neo4jAddress

# A server that is run in another way is stopped and started by other words in these two.
function Stop-Server { Invoke-Checked $Server @('stop') }
function Start-Server { Invoke-Checked $Server @('start') }

function Resolve-Program([string] $Name) {
    foreach ($one in @("$Name.bat", $Name)) {
        if ($Neo4jHome) {
            $path = Join-Path (Join-Path $Neo4jHome 'bin') $one
            if (Test-Path -LiteralPath $path -PathType Leaf) { return $path }
        }
        $found = Get-Command -Name $one -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
        if ($found) { return $found.Path }
    }
    Stop-Here $CodeUsage "there is no $Name in NEO4J_HOME, nor in PATH" `
        "set NEO4J_HOME to the server's home: the folder that bin is in"
}

function Find-Program {
    if ($Neo4jHome) { $env:NEO4J_HOME = $Neo4jHome }
    if ($Neo4jConf) { $env:NEO4J_CONF = $Neo4jConf }
    $script:Server = Resolve-Program 'neo4j'
    $script:Admin = @(Resolve-Program 'neo4j-admin')
    $script:ShellProgram = Resolve-Program 'cypher-shell'
    # The way to this folder may have signs in it that neo4j-admin takes for its own, such as commas.
    $script:Temporary = Join-Path ([IO.Path]::GetTempPath()) ('importer-' + [Guid]::NewGuid().ToString('N'))
    $null = New-Item -ItemType Directory -Path $script:Temporary
    $kind = if ($env:OS -eq 'Windows_NT') { 'Junction' } else { 'SymbolicLink' }
    $null = New-Item -ItemType $kind -Path (Join-Path $script:Temporary 'load') -Target $Here
}

function Get-Place([string] $Path) {
    # A path in this folder, as neo4j-admin is told of it.
    (Join-Path $script:Temporary 'load').Replace('\', '/') + $Path.Substring($Here.Length).Replace('\', '/')
}

function Remove-Place {
    if (Test-Path variable:script:Temporary) {
        # The link alone: a recursive removal may follow it.
        $link = Join-Path $script:Temporary 'load'
        if (Test-Path -LiteralPath $link) { (Get-Item -LiteralPath $link -Force).Delete() }
        Remove-Item -LiteralPath $script:Temporary
    }
}

function Invoke-Admin([string[]] $Arguments) {
    $before = $env:HEAP_SIZE, $env:JAVA_TOOL_OPTIONS
    try {
        # An older Java reads files in the system's old encoding.
        $env:HEAP_SIZE, $env:JAVA_TOOL_OPTIONS = $HeapSize, '-Dfile.encoding=UTF-8'
        Invoke-Checked $Admin[0] $Arguments
    } finally {
        $env:HEAP_SIZE, $env:JAVA_TOOL_OPTIONS = $before
    }
}

function Invoke-Shell {
    $before = $env:NEO4J_USERNAME, $env:NEO4J_PASSWORD
    try {
        $env:NEO4J_USERNAME, $env:NEO4J_PASSWORD = $UserName, $script:Password
        $input | Invoke-Piped $ShellProgram @('-a', $Neo4jAddress, '-d', $Database, '--non-interactive',
            '--format', 'plain')
    } finally {
        $env:NEO4J_USERNAME, $env:NEO4J_PASSWORD = $before
    }
}

function Invoke-Piped([string] $Program, [string[]] $Arguments) {
    $ErrorActionPreference = 'Continue'
    $input | & $Program @Arguments
    $script:Ended = $LASTEXITCODE
}

function Confirm-DataFolder([string] $Data) {
    if (-not (Test-Path -LiteralPath (Join-Path $Data "databases/$Database") -PathType Container)) {
        Stop-Here $CodeRefused "the server keeps its data in $Data, which has no database $Database on this machine" `
            "run this on the server's machine"
    }
}

function Get-ServerFree([string] $Data) { Get-FreeByte $Data }

function Get-StoreSize([string] $Data) {
    (Get-ChildItem -LiteralPath (Join-Path $Data "databases/$Database") -Recurse -File |
        Measure-Object -Property Length -Sum).Sum
}
