# Unwind and the programs of the travel example, in one image without a shell.
#
#   docker build --tag unwind .
#   docker run --rm unwind --help

FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Static, so that nothing is needed beside it; without paths of the machine that built it.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w" -o /out/ \
    ./cmd/unwind ./examples/travel/flights ./examples/travel/hotels ./examples/travel/payments ./examples/travel/load

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/ /bin/
COPY examples/travel/travel.yaml examples/travel/weekend.yaml /travel/
# Nobody in particular, and not root: a number, so that an orchestrator can see it.
USER 65532:65532
# REST and metrics. There is no HEALTHCHECK, since the image serves several programs: ask `unwind ready`.
EXPOSE 8080 9464
ENTRYPOINT ["/bin/unwind"]
CMD ["serve"]
