#Requires -Version 5.1
# Loads what lies in this folder into Neo4j, by an import into a new store; README.txt tells how.
Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

# --- what is loaded, as planned -------------------------------------------------------------------------------------
# @values@

# --- what the environment may say -----------------------------------------------------------------------------------
function Get-Setting([string] $Name, [string] $Planned) {
    $found = [Environment]::GetEnvironmentVariable($Name)
    if ($found) { $found } else { $Planned }
}

$UserName = Get-Setting 'NEO4J_USERNAME' 'neo4j'              # NEO4J_PASSWORD is asked for when it is not set
$HeapSize = Get-Setting 'HEAP_SIZE' $HeapPlanned              # Java heap of the import
$WaitSeconds = [int] (Get-Setting 'WAIT_SECONDS' '600')       # how long the server may take to answer

$Here = $PSScriptRoot
$Journal = Join-Path $Here 'way-back'                         # names the dump to go back to, while there is one to undo
$Utf8 = New-Object System.Text.UTF8Encoding $false
$CodeFailed, $CodeUsage, $CodeRefused, $CodeUnreachable = 1, 2, 5, 10
$script:State = 'untouched'                                   # untouched, stopped, replaced
$script:WayBack = ''
$script:Code = 1

function Stop-Here([int] $Code, [string] $What, [string] $WayOut) {
    $script:Code = $Code
    throw "$What`nhint: $WayOut"
}

function Invoke-Program([string] $Program, [string[]] $Arguments) {
    # What a program says to stderr is no error to stop at: its exit code is.
    $ErrorActionPreference = 'Continue'
    & $Program @Arguments
    $script:Ended = $LASTEXITCODE
}

function Invoke-Checked([string] $Program, [string[]] $Arguments) {
    Invoke-Program $Program $Arguments | Out-Host
    if ($script:Ended -ne 0) { throw "$Program ended with code $script:Ended" }
}

# --- the server's own programs --------------------------------------------------------------------------------------
# @commands@

function Invoke-Cypher([string] $Text) {
    $said = @($Text | Invoke-Shell)
    if ($script:Ended -ne 0) { throw 'cypher-shell failed: see above' }
    $said
}

function Test-Answer {
    $null = 'RETURN 1;' | Invoke-Shell 2>$null
    $script:Ended -eq 0
}

function Wait-Server {
    $until = (Get-Date).AddSeconds($WaitSeconds)
    while (-not (Test-Answer)) {
        if ((Get-Date) -gt $until) { return $false }
        Start-Sleep -Seconds 1
    }
    $true
}

function Read-Here([string] $Name) { [IO.File]::ReadAllText((Join-Path $Here $Name), $Utf8) }

function Get-Value([string] $Text) { ([string] (@(Invoke-Cypher $Text)[-1])).Trim('"') }

# --- checks: nothing is touched -------------------------------------------------------------------------------------

function Read-Password {
    $found = [Environment]::GetEnvironmentVariable('NEO4J_PASSWORD')
    if (-not $found) {
        $secret = Read-Host -AsSecureString "password of $UserName"
        $found = (New-Object System.Net.NetworkCredential '', $secret).Password
    }
    if (-not $found) { Stop-Here $CodeUsage "no password for user $UserName" 'set NEO4J_PASSWORD' }
    $script:Password = $found
}

function Confirm-Version {
    $version = [string] (@(Invoke-Program $Admin[0] (@($Admin | Select-Object -Skip 1) + '--version'))[-1])
    if ($script:Ended -ne 0 -or $version -notlike $VersionPattern) {
        Stop-Here $CodeRefused "this is Neo4j $version, and the script was made for $VersionPlanned" `
            'have the script written again for this version'
    }
    Write-Host "server        Neo4j $version"
}

function Confirm-Answer {
    if (-not (Test-Answer)) {
        Stop-Here $CodeUnreachable "the database of $Where does not answer" `
            'start the server; check where it is said to be, NEO4J_USERNAME and NEO4J_PASSWORD'
    }
}

function Test-Count([string] $Name, [int] $Due) {
    $said = @(Invoke-Cypher (Read-Here $Name))
    $failed = @($said | Where-Object { $_ -like '"FAIL: *' })
    $failed | ForEach-Object { Write-Host ('error: ' + $_.Trim('"').Substring(6)) }
    $failed.Count -eq 0 -and @($said | Where-Object { $_ -like '"ok: *' }).Count -eq $Due
}

function Get-FreeByte([string] $Path) {
    $root = Get-PSDrive -PSProvider FileSystem | Where-Object { $Path.StartsWith($_.Root, [StringComparison]::OrdinalIgnoreCase) } |
        Sort-Object { $_.Root.Length } | Select-Object -Last 1
    [long] $root.Free
}

function Confirm-Disk([string] $Data) {
    $free = [long] (Get-ServerFree $Data)
    if ($free -lt [long] $NeededBytes) {
        Stop-Here $CodeRefused "an import into $Data needs about $NeededBytes bytes of disk and $free are free" `
            'free some space'
    }
    $store = [long] (Get-StoreSize $Data)
    $free = Get-FreeByte $Here
    if ($free -lt $store) {
        Stop-Here $CodeRefused "the old database's dump may take $store bytes and $free are free in $Here" `
            'free some space, or move this folder'
    }
}

function Confirm-File {
    foreach ($line in [IO.File]::ReadAllLines((Join-Path $Here 'checksums'), $Utf8)) {
        $name = $line.Substring(66)
        $path = Join-Path $Here $name
        if (-not (Test-Path -LiteralPath $path) -or
            (Get-FileHash -LiteralPath $path -Algorithm SHA256).Hash -ne $line.Substring(0, 64)) {
            Stop-Here $CodeRefused "$name in this folder is damaged or missing" 'copy the folder again'
        }
    }
}

function Test-Absent {
    $found = Get-Value (Read-Here 'state.cypher')
    if ($found -ne 'absent' -and $found -ne 'loaded') {
        Stop-Here $CodeRefused "the database is not what this was made for: $found" $StateHint
    }
    $found -eq 'absent'
}

function Confirm-All {
    if ([int] $ChecksBefore -gt 0 -and -not (Test-Count 'before.cypher' $ChecksBefore)) {
        Stop-Here $CodeRefused 'the database is not the one that the snapshot was made from' `
            'export, generate and have the script written again'
    }
    $data = Get-Value "SHOW SETTINGS 'server.directories.data' YIELD value RETURN value;"
    Confirm-DataFolder $data
    Confirm-Disk $data
    Confirm-File
}

# --- the load, and the way back -------------------------------------------------------------------------------------

function Save-Old {
    $name = 'before-' + (Get-Date).ToUniversalTime().ToString('yyyyMMddTHHmmssZ')
    $script:WayBack = Join-Path $Here $name
    $null = New-Item -ItemType Directory -Path $script:WayBack
    Write-Host 'stopping      the server'
    $script:State = 'stopped'
    Stop-Server
    if (Test-Answer) {
        Stop-Here $CodeRefused "$Where still answers: it is not the server that was stopped" `
            'name one server, by all that says where it is'
    }
    Write-Host "dumping       the old database to $script:WayBack"
    Invoke-Admin @('database', 'dump', $Database, ('--to-path=' + (Get-Place $script:WayBack)))
    [IO.File]::WriteAllText($Journal, $name, $Utf8)
}

function Import-New {
    $arguments = Join-Path $script:WayBack 'arguments'
    [IO.File]::WriteAllText($arguments, (Read-Here 'arguments').Replace($Mark, (Get-Place $Here)), $Utf8)
    Write-Host "importing     $Counts"
    $script:State = 'replaced'
    Invoke-Admin @('database', 'import', 'full', $Database, ('@' + (Get-Place $arguments)),
        ('--report-file=' + (Get-Place $script:WayBack) + '/import.report'))
}

function Complete-Load {
    Write-Host 'starting      the server'
    Start-Server
    if (-not (Wait-Server)) { Stop-Here $CodeFailed "the server does not answer within $WaitSeconds s" 'see its logs' }
    foreach ($step in $Steps.Split(' ')) {
        Write-Host "running       $step"
        # What a step answers in the form of statements is run, too: of names that only the server knows.
        $more = @(Invoke-Cypher (Read-Here $step) | Where-Object { $_ -match '^"DROP INDEX `[^`"]*`;"$' })
        if ($more.Count -gt 0) { $null = Invoke-Cypher (($more | ForEach-Object { $_.Trim('"') }) -join "`n") }
    }
    if (-not (Test-Count 'after.cypher' $ChecksAfter)) {
        Stop-Here $CodeFailed 'what was loaded is not what this folder holds' 'report this'
    }
    $script:State = 'untouched'
    Remove-Item -LiteralPath $Journal
}

function Restore-Old {
    Stop-Server
    Invoke-Admin @('database', 'load', $Database, ('--from-path=' + (Get-Place $script:WayBack)),
        '--overwrite-destination=true')
    Start-Server
    if (-not (Wait-Server)) { throw "the server does not answer within $WaitSeconds s" }
    Remove-Item -LiteralPath $Journal
}

function Undo-Load {
    try {
        if ($script:State -eq 'replaced') {
            Write-Host 'undoing       putting back the database from before'
            Restore-Old
        } elseif ($script:State -eq 'stopped') {
            Start-Server
            if (-not (Wait-Server)) { throw "the server does not answer within $WaitSeconds s" }
        } else {
            return
        }
        Write-Host 'undone        the database is as it was before'
    } catch {
        Write-Host "error: the database from before could not be put back: $_"
        Write-Host "hint: see the server's logs; run this again to try once more; $script:WayBack holds its dump"
    }
}

function Undo-EarlierRun {
    if (Test-Path -LiteralPath $Journal) {
        $script:WayBack = Join-Path $Here ([IO.File]::ReadAllText($Journal, $Utf8))
        Write-Host 'undoing       an earlier run that was ended half-way'
        Restore-Old
    }
}

try {
    Read-Password
    Find-Program
    Confirm-Version
    Undo-EarlierRun
    Confirm-Answer
    if (Test-Absent) {
        Confirm-All
        Save-Old
        Import-New
        Complete-Load
        Write-Host "loaded        $Title"
        Write-Host "way back      $script:WayBack holds the database from before; remove it when you are sure"
        Write-Host "next          $Next"
    } else {
        Write-Host "loaded        $Title is in the database already; nothing was done"
    }
    $script:Code = 0
} catch {
    Write-Host "error: $_"
} finally {
    # Also when it is ended by Ctrl-C, which is no error to be caught.
    if ($script:Code -ne 0) { Undo-Load }
    Remove-Place
}
exit $script:Code
