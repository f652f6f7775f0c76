$ComposeFile = Get-Setting 'COMPOSE_FILE' $FilePlanned        # the compose file
$Service = Get-Setting 'SERVICE' $ServicePlanned              # the service in it that the server is
$Neo4jAddress = Get-Setting 'NEO4J_ADDRESS' $AddressPlanned   # where cypher-shell finds the server, within its container
$Where = "service $Service of $ComposeFile"
$Compose = @('compose', '--file', $ComposeFile)
$Label = 'importer.script=' + ($Here.ToLowerInvariant() -replace '[^a-z0-9]', '-')

function Remove-Leftover {
    # The container of an earlier run that was killed, or of one that was ended, may still write.
    $left = @(Invoke-Program 'docker' @('ps', '--all', '--quiet', '--filter', "label=$Label"))
    if ($left.Count -gt 0) { Invoke-Checked 'docker' (@('rm', '--force') + $left) }
}

function Stop-Server {
    Remove-Leftover
    Invoke-Checked 'docker' ($Compose + @('stop', '--timeout', '180', $Service))
}

function Start-Server {
    Remove-Leftover
    Invoke-Checked 'docker' ($Compose + @('up', '--detach', '--no-deps', '--no-recreate', $Service))
}

function Find-Program {
    if (-not (Get-Command -Name 'docker' -CommandType Application -ErrorAction SilentlyContinue)) {
        Stop-Here $CodeUsage 'there is no docker' 'run this where docker compose is'
    }
    if (-not (Test-Path -LiteralPath $ComposeFile -PathType Leaf)) {
        Stop-Here $CodeUsage "$ComposeFile is not a file" 'set COMPOSE_FILE to the compose file'
    }
    $script:PasswordBefore = $env:NEO4J_PASSWORD
    $env:NEO4J_PASSWORD = $script:Password                    # the compose file may ask for it
    # The image's entrypoint runs programs as the server's user, who sees this folder as /load; plugins are not for us.
    $script:Beside = $Compose + @('run', '--rm', '--no-deps', '--no-TTY', '--label', $Label, '--env', "HEAP_SIZE=$HeapSize",
        '--env', 'LC_ALL=C.UTF-8', '--env', 'NEO4J_PLUGINS=', '--volume', "${Here}:/load", $Service)
    $script:Admin = @('docker') + $script:Beside + 'neo4j-admin'
}

function Get-Place([string] $Path) {
    # A path in this folder, as neo4j-admin is told of it.
    '/load' + $Path.Substring($Here.Length).Replace('\', '/')
}

function Remove-Place {
    if (Test-Path variable:script:PasswordBefore) { $env:NEO4J_PASSWORD = $script:PasswordBefore }
}

function Invoke-Admin([string[]] $Arguments) {
    Invoke-Checked $Admin[0] (@($Admin | Select-Object -Skip 1) + $Arguments)
}

function Invoke-Shell {
    # The password goes in front of the statements: an argument or a variable of docker's could be seen. Older PowerShells
    # lose double quotes in arguments and end lines by two signs.
    $user = "'" + $UserName.Replace("'", "'\''") + "'"
    $program = "read -r NEO4J_PASSWORD; NEO4J_PASSWORD=`${NEO4J_PASSWORD%`$(printf '\r')}; export NEO4J_PASSWORD LC_ALL=C.UTF-8; " +
        "exec cypher-shell -a '$Neo4jAddress' -u $user -d '$Database' --non-interactive --format plain"
    @($script:Password) + @($input) | Invoke-Piped 'docker' ($Compose + @('exec', '--no-TTY', $Service, 'sh', '-c', $program))
}

function Invoke-Piped([string] $Program, [string[]] $Arguments) {
    $ErrorActionPreference = 'Continue'
    $OutputEncoding = $Utf8
    $input | & $Program @Arguments
    $script:Ended = $LASTEXITCODE
}

function Invoke-Inside([string[]] $Arguments) {
    # What a program in the server's container says.
    Invoke-Program 'docker' ($Compose + @('exec', '--no-TTY', $Service) + $Arguments)
}

function Get-ServerFree([string] $Data) {
    $line = [string] (@(Invoke-Inside @('df', '-Pk', $Data))[-1])
    1024 * [long] ($line -split '\s+')[3]
}

function Get-StoreSize([string] $Data) {
    $lines = @(Invoke-Inside @('du', '-sk', "$Data/databases/$Database", "$Data/transactions/$Database"))
    1024 * ($lines | ForEach-Object { [long] ($_ -split '\s+')[0] } | Measure-Object -Sum).Sum
}

function Confirm-DataFolder([string] $Data) {
    Invoke-Program 'docker' ($script:Beside + @('test', '-d', "$Data/databases/$Database")) | Out-Host
    if ($script:Ended -ne 0) {
        Stop-Here $CodeRefused "$Where has no $Data/databases/$Database in a volume" `
            "name the server's own service with SERVICE; mount a volume at /data"
    }
}
